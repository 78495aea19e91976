#include "dump_box.hpp"

#include "line_reader.hpp"
#include "ufp/parse_number.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ufp
{
namespace
{

bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

// Exactly `n` finite numbers on the line at `p`; returns the next line, nullptr if they are not there.
const char *parse_line(const char *p, const char *end, std::size_t n, double *values)
{
  for (std::size_t i = 0; i < n; ++i) {
    while (p != end && is_blank(*p)) ++p;
    p = parse_number(p, end, values[i]);
    if (p == nullptr || !std::isfinite(values[i]) || p == end || !(is_blank(*p) || *p == '\n')) return nullptr;
  }
  while (p != end && is_blank(*p)) ++p;
  return p != end && *p == '\n' ? p + 1 : nullptr;
}

}  // namespace

const char *parse_box(const std::string &style, const char *text, const char *end, DumpBox &box)
{
  box.general = style.compare(0, 3, "abc") == 0;
  const bool tilted = style.compare(0, 2, "xy") == 0;
  const std::size_t per_line = box.general ? 4 : tilted ? 3 : 2;
  double rows[3][4] = {};
  for (auto &row : rows) {
    const char *const next = parse_line(text, end, per_line, row);
    if (next == nullptr) return text;
    text = next;
  }

  // three words such as "pp" end the style; old files have none and are periodic
  const std::vector<std::string> style_words = words(style);
  const std::size_t boundaries = style_words.size() >= 3 ? style_words.size() - 3 : 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.periodic[axis] =
        style_words.size() < 3 || style_words[boundaries + axis][0] == 'p' || style_words.back() == "yz";
  }
  if (box.general) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) box.cell[3 * i + j] = rows[i][j];
      box.origin[i] = rows[i][3];
    }
    return nullptr;
  }
  // the bounds are those of the box around the parallelepiped (LAMMPS manual, Howto_triclinic)
  const double xy = rows[0][2], xz = rows[1][2], yz = rows[2][2];
  const double xlo = rows[0][0] - std::min({0.0, xy, xz, xy + xz}), xhi = rows[0][1] - std::max({0.0, xy, xz, xy + xz});
  const double ylo = rows[1][0] - std::min(0.0, yz), yhi = rows[1][1] - std::max(0.0, yz);
  box.cell = {xhi - xlo, 0, 0, xy, yhi - ylo, 0, xz, yz, rows[2][1] - rows[2][0]};
  box.origin = {xlo, ylo, rows[2][0]};
  return nullptr;
}

}  // namespace ufp
