"""Tests of score_nb; helpers that several of them use are in `support`."""
