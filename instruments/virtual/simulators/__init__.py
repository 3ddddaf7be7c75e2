"""The instruments, each speaking its vendor's dialect as its manual has it; none shares code with its driver."""
