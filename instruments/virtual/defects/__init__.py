"""What a virtual bench can be asked to get wrong, while it runs: links, instruments, pack and BMS."""
