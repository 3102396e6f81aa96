"""The generic webhook: messages by HTTP, signed as Standard Webhooks, answered in the response or by a call back."""
