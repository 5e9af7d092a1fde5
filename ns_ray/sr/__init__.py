"""Super-resolution models, their weights and the engines that run them."""
