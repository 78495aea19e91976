// Cubic B-splines on a knot vector, as one polynomial per interval and basis function.
#pragma once

#include <cstddef>
#include <vector>

namespace ufp
{

// True if the steps between the distinct knots agree to `tolerance` of the step.
bool equidistant(const std::vector<double> &knots, double tolerance = 1e-9);

// The four non-zero cubic basis functions at a point and their derivatives.
//
// Ends that are not clamped are clamped by repeating the end knot, which prepends (appends) basis functions whose
// coefficients are zero and leaves the others as they are: see padding().
class SplineAxis
{
 public:
  SplineAxis() = default;
  // knots: not decreasing, multiplicity at most 4; cutoff: the axis ends at min(cutoff, last knot).
  SplineAxis(const std::vector<double> &knots, double cutoff);

  double lo() const noexcept { return lo_; }
  double hi() const noexcept { return hi_; }
  bool uniform() const noexcept { return uniform_; }
  int intervals() const noexcept { return intervals_; }
  int size() const noexcept { return size_; }  // number of coefficients, padding included
  int padding_front() const noexcept { return front_; }
  int padding_back() const noexcept { return back_; }
  const std::vector<double> &breaks() const noexcept { return breaks_; }
  // First of the four active coefficients of interval s, and the basis as polynomials of r - breaks()[s]: (power,
  // basis)
  int first(int s) const noexcept { return first_[static_cast<unsigned>(s)]; }
  const double *polynomials(int s) const noexcept { return polynomials_.data() + 16 * s; }

  // Interval of r, always within 0 .. intervals()-1; half-open [t_s, t_s+1).
  int interval(double r) const noexcept
  {
    const double y = (r - lo_) * inverse_cell_;
    const int last = cells_ - 1;
    const int cell = !(y > 0) ? 0 : y < last ? static_cast<int>(y) : last;
    if (uniform_) return cell;
    int s = cell_[static_cast<unsigned>(cell)];
    while (s + 1 < intervals_ && r >= breaks_[static_cast<unsigned>(s) + 1]) ++s;
    return s;
  }

  // Basis values b[4] and derivatives db[4]; returns the index of the first of the four coefficients. lo <= r < hi.
  int evaluate(double r, double *b, double *db) const noexcept
  {
    const int s = interval(r);
    const double x = r - breaks_[static_cast<unsigned>(s)];
    const double *p = polynomials_.data() + 16 * s;
    for (int i = 0; i < 4; ++i) {
      b[i] = ((p[12 + i] * x + p[8 + i]) * x + p[4 + i]) * x + p[i];
      db[i] = (3 * p[12 + i] * x + 2 * p[8 + i]) * x + p[4 + i];
    }
    return first_[static_cast<unsigned>(s)];
  }

  // Coefficients of the polynomial in x = r - breaks()[s] of sum_n c_n B_n on interval s; c with its padding.
  void contract(int s, const double *c, double polynomial[4]) const noexcept;

  bool operator==(const SplineAxis &other) const noexcept;
  std::size_t bytes() const noexcept;

 private:
  double lo_ = 0, hi_ = 0, inverse_cell_ = 0;
  bool uniform_ = false;
  int intervals_ = 0, cells_ = 0, size_ = 0, front_ = 0, back_ = 0;
  std::vector<double> breaks_;       // (intervals + 1) distinct knots
  std::vector<int> first_;           // (intervals) first active coefficient
  std::vector<int> cell_;            // (cells) first interval of a cell of the look-up grid; empty if uniform
  std::vector<double> polynomials_;  // (intervals, power 4, basis 4)
};

}  // namespace ufp
