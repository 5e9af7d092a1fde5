"""The player: a page that rebuilds hybrid streams in the browser (docs/player.md)."""
