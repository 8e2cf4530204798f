"""Chapters as notebooks: built from their source; a learner's answers put in, found and moved between them."""
