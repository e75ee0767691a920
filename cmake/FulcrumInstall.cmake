# Installed: the two binaries and the public headers with the libraries behind them.
