"""What a drawing function returns."""

from typing import NamedTuple


class Picture(NamedTuple):
    """A picture: what it shows, a number unless it is the first of these, alt text, and SVG."""

    name: str
    alt: str
    svg: str
    number: int = 1

    def numbered(self, number: int) -> "Picture":
        """The same as the so-manieth picture of its name."""
        return self._replace(number=number)

    @property
    def file_name(self) -> str:
        """`ranking.svg`, `ranking-2.svg`."""
        return f"{self.name}-{self.number}.svg" if self.number > 1 else f"{self.name}.svg"
