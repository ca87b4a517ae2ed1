"""The whole service as real processes, driven from outside as the contract's users do."""
