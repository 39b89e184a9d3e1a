"""Procedural 2.5-D portraits: people and scenes as numbers, drawn as layers of signed distance fields in torch."""
