#include "ufp/periodic_box.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

using Vector = std::array<double, 3>;

Vector cross(const Vector &a, const Vector &b)
{
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector &a, const Vector &b)
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double norm(const Vector &a)
{
  return std::sqrt(dot(a, a));
}

Vector scaled(const Vector &a, double s)
{
  return {a[0] * s, a[1] * s, a[2] * s};
}

// A unit vector normal to a (and to b, where b is not zero).
Vector normal_to(const Vector &a, const Vector &b)
{
  Vector n = cross(a, b);
  if (norm(n) == 0.0) {  // b is zero: any axis that is far from a
    std::size_t smallest = 0;
    for (std::size_t d = 1; d < 3; ++d)
      if (std::fabs(a[d]) < std::fabs(a[smallest])) smallest = d;
    Vector axis{};
    axis[smallest] = 1.0;
    n = cross(a, axis);
  }
  return scaled(n, 1.0 / norm(n));
}

Vector row(const std::array<double, 9> &m, std::size_t d)
{
  return {m[3 * d], m[3 * d + 1], m[3 * d + 2]};
}

void set_row(std::array<double, 9> &m, std::size_t d, const Vector &v)
{
  std::copy(v.begin(), v.end(), m.begin() + static_cast<std::ptrdiff_t>(3 * d));
}

}  // namespace

PeriodicBox::PeriodicBox(const std::array<double, 9> &rows, const std::array<bool, 3> &directions)
    : cell(rows), inverse{}, heights{}, periodic(directions)
{
  for (std::size_t d = 0; d < 3; ++d)
    if (!periodic[d]) set_row(cell, d, Vector{});
  for (std::size_t d = 0; d < 3; ++d) {
    if (periodic[d]) continue;
    const Vector a = row(cell, (d + 1) % 3), b = row(cell, (d + 2) % 3);
    if (norm(a) > 0.0)
      set_row(cell, d, normal_to(a, b));
    else if (norm(b) > 0.0)
      set_row(cell, d, normal_to(b, Vector{}));
    else
      set_row(cell, d, {d == 0 ? 1.0 : 0.0, d == 1 ? 1.0 : 0.0, d == 2 ? 1.0 : 0.0});
  }
  const Vector a = row(cell, 0), b = row(cell, 1), c = row(cell, 2);
  const double volume = dot(a, cross(b, c));
  if (!(std::fabs(volume) > 1e-10 * norm(a) * norm(b) * norm(c)) || !std::isfinite(volume))
    throw DomainError("neighbour search: the periodic cell vectors span no volume");
  const std::array<Vector, 3> faces{cross(b, c), cross(c, a), cross(a, b)};
  for (std::size_t d = 0; d < 3; ++d) {
    set_row(inverse, d, scaled(faces[d], 1.0 / volume));
    heights[d] = std::fabs(volume) / norm(faces[d]);
  }
}

double PeriodicBox::wrapped(const double *x, std::size_t d, std::size_t atom, int &whole) const
{
  double f = inverse[3 * d] * x[0] + inverse[3 * d + 1] * x[1] + inverse[3 * d + 2] * x[2];
  whole = 0;
  if (!periodic[d]) return f;
  const double cells = std::floor(f);
  if (std::fabs(cells) > 1e9)
    throw DomainError("neighbour search: atom " + std::to_string(atom) + " is more than 1e9 cells away");
  whole = static_cast<int>(cells);
  f -= cells;
  return f < 1.0 ? f : std::nextafter(1.0, 0.0);  // a tiny negative number plus 1
}

}  // namespace ufp
