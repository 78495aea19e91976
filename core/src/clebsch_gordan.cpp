#include "ufp/clebsch_gordan.hpp"

#include <cmath>
#include <complex>
#include <cstdlib>

namespace ufp
{
namespace
{

using Complex = std::complex<double>;

double factorial(int n)
{
  double out = 1;
  for (int k = 2; k <= n; ++k) out *= k;
  return out;
}

// <l1 m1 l2 m2 | l m> between complex harmonics, Racah's formula.
double complex_coefficient(int l1, int m1, int l2, int m2, int l, int m)
{
  const double square = (2 * l + 1) * factorial(l + l1 - l2) * factorial(l - l1 + l2) * factorial(l1 + l2 - l) /
                        factorial(l1 + l2 + l + 1) * factorial(l + m) * factorial(l - m) * factorial(l1 - m1) *
                        factorial(l1 + m1) * factorial(l2 - m2) * factorial(l2 + m2);
  double sum = 0;
  for (int k = 0; k <= l1 + l2 - l; ++k) {
    double term = k % 2 == 0 ? 1 : -1;
    for (const int d : {k, l1 + l2 - l - k, l1 - m1 - k, l2 + m2 - k, l - l2 + m1 + k, l - l1 - m2 + k})
      term = d < 0 ? 0 : term / factorial(d);
    sum += term;
  }
  return std::sqrt(square) * sum;
}

// Y_real(m) = sum over mu = ±m of to_real(m, mu) Y_complex(mu)
Complex to_real(int m, int mu)
{
  if (m == 0) return {1, 0};
  const double half = std::sqrt(0.5), sign = m % 2 == 0 ? 1 : -1;
  if (m > 0) return {mu < 0 ? half : sign * half, 0};
  return {0, mu < 0 ? half : -sign * half};
}

double real_coefficient(int l1, int m1, int l2, int m2, int l, int m)
{
  Complex sum = 0;
  for (const int p : {-std::abs(m1), std::abs(m1)})
    for (const int q : {-std::abs(m2), std::abs(m2)})
      if (std::abs(p + q) == std::abs(m))
        sum += std::conj(to_real(m1, p) * to_real(m2, q)) * to_real(m, p + q) *
               complex_coefficient(l1, p, l2, q, l, p + q) / (m1 == 0 ? 2.0 : 1.0) / (m2 == 0 ? 2.0 : 1.0);
  return sum.real();
}

}  // namespace

bool couples(int l1, int l2, int lambda)
{
  return std::abs(l1 - l2) <= lambda && lambda <= l1 + l2 && (l1 + l2 + lambda) % 2 == 0;
}

std::vector<Coupling> clebsch_gordan(int l1, int l2, int lambda)
{
  std::vector<Coupling> out;
  for (int m1 = -l1; m1 <= l1; ++m1)
    for (int m2 = -l2; m2 <= l2; ++m2)
      for (int mu = -lambda; mu <= lambda; ++mu) {
        const double value = real_coefficient(l1, m1, l2, m2, lambda, mu);
        if (std::fabs(value) > 1e-13) out.push_back({m1 + l1, m2 + l2, mu + lambda, value});
      }
  return out;
}

std::vector<std::pair<int, int>> coupled_pairs(int l_max, int lambda)
{
  std::vector<std::pair<int, int>> out;
  for (int l1 = 0; l1 <= l_max; ++l1)
    for (int l2 = l1; l2 <= l_max; ++l2)
      if (couples(l1, l2, lambda)) out.emplace_back(l1, l2);
  return out;
}

}  // namespace ufp
