#include "spherical_bessel.hpp"

#include <cmath>
#include <cstddef>

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;

// Miller's algorithm: f_{l-1} = (2l+1)/x f_l + sign f_{l+1} downwards from where the solution has forgotten its start,
// normalised by the known function of order `known` = 0 or 1.
std::vector<double> recurred(int l_max, double x, double sign, const double (&exact)[2])
{
  const int first = l_max + 25 + static_cast<int>(sign < 0 ? 1.2 * x : 8 * std::sqrt(x));
  std::vector<double> out(static_cast<std::size_t>(l_max) + 2);
  double above = 0, here = 1e-280;
  for (int l = first; l >= 0; --l) {
    if (l < static_cast<int>(out.size())) out[static_cast<std::size_t>(l)] = here;
    const double below = (2 * l + 1) / x * here + sign * above;
    above = here;
    here = below;
    if (std::fabs(here) > 1e250) {
      here *= 1e-250;
      above *= 1e-250;
      for (int k = l; k < static_cast<int>(out.size()); ++k) out[static_cast<std::size_t>(k)] *= 1e-250;
    }
  }
  const std::size_t known = std::fabs(exact[0]) > std::fabs(exact[1]) ? 0 : 1;
  const double scale = exact[known] / out[known];
  for (double &f : out) f *= scale;
  out.resize(static_cast<std::size_t>(l_max) + 1);
  return out;
}

std::vector<double> leading_terms(int l_max, double x)
{
  std::vector<double> out{1.0};
  for (int l = 1; l <= l_max; ++l) out.push_back(out.back() * x / (2 * l + 1));
  return out;
}

}  // namespace

std::vector<double> spherical_bessel(int l_max, double x)
{
  if (x < 1e-8) return leading_terms(l_max, x);
  const double j0 = std::sin(x) / x;
  // below 1 the closed form of j_1 cancels
  return recurred(l_max, x, -1, {j0, x < 1 ? 0.0 : (j0 - std::cos(x)) / x});
}

std::vector<double> scaled_modified_bessel(int l_max, double x)
{
  if (x < 1e-8) return leading_terms(l_max, x);
  return recurred(l_max, x, 1, {-std::expm1(-2 * x) / (2 * x), 0.0});
}

std::vector<std::vector<double>> spherical_bessel_zeros(int l_max, int count)
{
  // zeros of j_{l+1} lie between neighbouring zeros of j_l, and those of j_0 are multiples of π
  std::vector<double> edges;
  for (int n = 1; n <= count + l_max; ++n) edges.push_back(n * pi);
  std::vector<std::vector<double>> out;
  for (int l = 0; l <= l_max; ++l) {
    if (l > 0) {
      std::vector<double> zeros;
      const auto value = [l](double x) { return spherical_bessel(l, x)[static_cast<std::size_t>(l)]; };
      for (std::size_t n = 0; n + 1 < edges.size(); ++n) {
        double low = edges[n], high = edges[n + 1];
        const bool rising = value(low) < 0;
        for (int step = 0; step < 60; ++step) {
          const double middle = 0.5 * (low + high);
          (((value(middle) < 0) == rising) ? low : high) = middle;
        }
        zeros.push_back(0.5 * (low + high));
      }
      edges = zeros;
    }
    out.emplace_back(edges.begin(), edges.begin() + count);
  }
  return out;
}

}  // namespace ufp
