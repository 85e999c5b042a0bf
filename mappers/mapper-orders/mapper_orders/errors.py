"""What stops the mapper: input that no tap of ours may send. What is wrong *in* the data never raises."""


class ContractError(Exception):
    """A message breaks the contract between tap and mapper.

    The text names stream, row or setting and what to do, and holds no value of the data: values may be protected.
    """
