"""Where a DNN runs, as told on the command line."""


def device_of(wanted: str) -> str:
    """The device that --device names, as PyTorch does; `auto` is the first GPU, or where there is none the CPU."""
    if wanted != "auto":
        return wanted
    import torch  # takes seconds

    return "cuda:0" if torch.cuda.is_available() else "cpu"
