#include "ufp/harmonics.hpp"

#include <cmath>

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;

}  // namespace

std::vector<double> harmonics_norms(int l_max)
{
  std::vector<double> out;
  for (int l = 0; l <= l_max; ++l)
    for (int m = 0; m <= l; ++m) {
      double ratio = 1;  // (l + m)! / (l - m)!
      for (int k = l - m + 1; k <= l + m; ++k) ratio *= k;
      out.push_back(std::sqrt((m > 0 ? 2 : 1) * (2 * l + 1) / (4 * pi * ratio)));
    }
  return out;
}

void real_harmonics(int l_max, const double *norms, double x, double y, double z, double *out) noexcept
{
  double cosine = 1, sine = 0, diagonal = 1;  // Re, Im of (x + iy)^m, and q_mm
  for (int m = 0; m <= l_max; ++m) {
    double previous = 0, q = diagonal;
    for (int l = m; l <= l_max; ++l) {
      const double value = norms[l * (l + 1) / 2 + m] * q;
      out[l * l + l - m] = value * sine;
      out[l * l + l + m] = value * cosine;
      const double next = ((2 * l + 1) * z * q - (l + m) * previous) / (l + 1 - m);
      previous = q;
      q = next;
    }
    const double turned = cosine * x - sine * y;
    sine = sine * x + cosine * y;
    cosine = turned;
    diagonal *= 2 * m + 1;
  }
}

}  // namespace ufp
