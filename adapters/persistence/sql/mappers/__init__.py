"""Mappers: entities to rows and back, events and notifications to JSON and back."""
