// A cell with any mix of periodic directions: fractional coordinates and perpendicular heights.
#pragma once

#include <array>
#include <cstddef>

namespace ufp
{

struct PeriodicBox {
  std::array<double, 9> cell;     // rows a, b, c, Å; of other directions unit vectors normal to the periodic ones
  std::array<double, 9> inverse;  // fraction_d = row d . x
  std::array<double, 3> heights;  // between opposite faces, Å
  std::array<bool, 3> periodic;

  // The rows of non-periodic directions are not used and may be zero. Throws DomainError: no volume.
  PeriodicBox(const std::array<double, 9> &cell, const std::array<bool, 3> &periodic);

  // Fraction along direction d, in [0, 1) where that is periodic, and the number of cells taken off.
  // Throws DomainError for an atom that is 1e9 cells away; `atom` is for the message.
  double wrapped(const double *x, std::size_t d, std::size_t atom, int &whole) const;
};

}  // namespace ufp
