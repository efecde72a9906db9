"""Whether parts of a table's total lie on one another, as they would if they all stuck to the edge of the window."""

COVERING = """() => [...document.querySelectorAll('tfoot tr')].flatMap(row => {
  const places = [...row.children].map(each => [each.innerText, each.getBoundingClientRect()])
  const seen = places.filter(([text, place]) => text.trim() && place.width)
  return seen.flatMap(([text, one], at) => seen.slice(at + 1).filter(([, other]) =>
    one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1
  ).map(([under]) => [text, under]))
})"""
"""Texts that lie on each other, in pairs."""
