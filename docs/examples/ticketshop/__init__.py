"""An imaginary shop that sells tickets."""
