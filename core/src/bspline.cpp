#include "ufp/bspline.hpp"

#include <algorithm>
#include <cmath>

namespace ufp
{
namespace
{

using Index = std::size_t;

std::vector<double> distinct(const std::vector<double> &knots)
{
  std::vector<double> out(knots);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// The four cubic basis functions that live on [t_q, t_q+1) as polynomials in x = r - t_q: p[4 * power + basis].
// Cox and de Boor's recursion on polynomials instead of numbers.
void basis_polynomials(const std::vector<double> &t, Index q, double *p)
{
  double b[4][4] = {{1, 0, 0, 0}};  // [basis][power]
  for (Index degree = 1; degree <= 3; ++degree) {
    double next[4][4] = {};
    for (Index i = 0; i < degree; ++i) {  // basis i of the lower degree starts at knot q - degree + 1 + i
      const double left = t[q - degree + 1 + i], width = t[q + 1 + i] - left, offset = t[q] - left;
      for (Index power = 0; power < degree; ++power) {
        const double c = b[i][power] / width;
        next[i + 1][power] += c * offset;  // rising factor (r - left) / width
        next[i + 1][power + 1] += c;
        next[i][power] += c * (width - offset);  // falling factor
        next[i][power + 1] -= c;
      }
    }
    std::copy(&next[0][0], &next[0][0] + 16, &b[0][0]);
  }
  for (Index i = 0; i < 4; ++i)
    for (Index power = 0; power < 4; ++power) p[4 * power + i] = b[i][power];
}

}  // namespace

bool equidistant(const std::vector<double> &knots, double tolerance)
{
  const std::vector<double> t = distinct(knots);
  double smallest = t[1] - t[0], largest = smallest;
  for (Index i = 1; i + 1 < t.size(); ++i) {
    smallest = std::min(smallest, t[i + 1] - t[i]);
    largest = std::max(largest, t[i + 1] - t[i]);
  }
  return largest - smallest <= tolerance * largest;
}

SplineAxis::SplineAxis(const std::vector<double> &knots, double cutoff)
{
  const auto front = std::count(knots.begin(), knots.end(), knots.front());
  const auto back = std::count(knots.begin(), knots.end(), knots.back());
  front_ = static_cast<int>(4 - front);
  back_ = static_cast<int>(4 - back);
  std::vector<double> t(static_cast<Index>(front_), knots.front());
  t.insert(t.end(), knots.begin(), knots.end());
  t.insert(t.end(), static_cast<Index>(back_), knots.back());

  size_ = static_cast<int>(t.size()) - 4;
  breaks_ = distinct(t);
  intervals_ = static_cast<int>(breaks_.size()) - 1;
  lo_ = breaks_.front();
  hi_ = std::min(cutoff, breaks_.back());
  polynomials_.resize(16 * static_cast<Index>(intervals_));
  for (Index q = 0, s = 0; q + 1 < t.size(); ++q) {
    if (t[q] == t[q + 1]) continue;
    first_.push_back(static_cast<int>(q) - 3);
    basis_polynomials(t, q, &polynomials_[16 * s++]);
  }

  uniform_ = breaks_.size() + 6 == t.size() && equidistant(breaks_);
  cells_ = uniform_ ? intervals_ : 8 * intervals_;
  inverse_cell_ = cells_ / (breaks_.back() - lo_);
  if (!uniform_) {
    for (int cell = 0, s = 0; cell < cells_; ++cell) {
      // one cell earlier than the exact start, so that rounding in interval() never skips an interval
      const double start = lo_ + (cell - 1) / inverse_cell_;
      while (s + 1 < intervals_ && breaks_[static_cast<Index>(s) + 1] <= start) ++s;
      cell_.push_back(s);
    }
  }
}

void SplineAxis::contract(int s, const double *c, double polynomial[4]) const noexcept
{
  const double *p = polynomials_.data() + 16 * s;
  const double *active = c + first_[static_cast<Index>(s)];
  for (int power = 0; power < 4; ++power) {
    polynomial[power] = 0;
    for (int i = 0; i < 4; ++i) polynomial[power] += p[4 * power + i] * active[i];
  }
}

bool SplineAxis::operator==(const SplineAxis &other) const noexcept
{
  return hi_ == other.hi_ && front_ == other.front_ && back_ == other.back_ && breaks_ == other.breaks_ &&
         first_ == other.first_;
}

std::size_t SplineAxis::bytes() const noexcept
{
  return sizeof(double) * (breaks_.size() + polynomials_.size()) + sizeof(int) * (first_.size() + cell_.size());
}

}  // namespace ufp
