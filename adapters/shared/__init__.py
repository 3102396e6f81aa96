"""What channels that go over the network share: settings, bodies within bounds, problems, public addresses."""
