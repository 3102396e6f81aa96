"""Support desks: Chatwoot, Zendesk (Sunshine Conversations) and Intercom."""
