"""The bench's end of the contract of an energy manager (docs/manager-contract.md): it asks, and believes nothing."""
