#include "ufp/unwrap.hpp"

#include <cmath>

namespace ufp
{

LongestMove nearest_images(const double *before, const double *after, std::size_t n, const double *cell,
                           const std::array<bool, 3> &periodic, std::int64_t *change) noexcept
{
  constexpr double most = 1e15;  // beyond, coordinates have no fraction
  LongestMove longest;
  double longest_square = -1;
  for (std::size_t atom = 0; atom < n; ++atom) {
    double step[3];
    for (std::size_t i = 0; i < 3; ++i) {
      const double whole = after[3 * atom + i] - before[3 * atom + i];
      const double shift = periodic[i] && std::fabs(whole) < most ? std::rint(whole) : 0.0;
      step[i] = periodic[i] ? whole - shift : 0.0;
      change[3 * atom + i] = -static_cast<std::int64_t>(shift);
      longest.changed |= shift != 0.0;
    }
    double square = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const double moved = step[0] * cell[j] + step[1] * cell[3 + j] + step[2] * cell[6 + j];
      square += moved * moved;
    }
    if (square > longest_square) {
      longest_square = square;
      longest.atom = atom;
    }
  }
  longest.length = std::sqrt(longest_square < 0 ? 0 : longest_square);
  return longest;
}

}  // namespace ufp
