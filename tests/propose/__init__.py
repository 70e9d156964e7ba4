"""Tests of the proposers."""
