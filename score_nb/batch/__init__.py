"""The command `score-nb`: notebooks without a browser, stored runs without a kernel."""
