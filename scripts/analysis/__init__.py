"""Reads run folders of normbench and compares, ranks, diffs, reports and exports them."""
