"""From files to a checkpoint: data, batches, loss, trainer, calibration, evaluation."""
