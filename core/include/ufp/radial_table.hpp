// f_c(r) u(r) I_nl(r) tabulated for cubic Hermite interpolation: the only radial functions that an evaluation sees.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ufp/radial_basis.hpp"

namespace ufp
{

// u(r) = 1/(1 + (r/r0)^exponent)
struct RadialScaling {
  double r0;  // Å
  double exponent;
};

// Two uniform grids that meet at r_c - w, where the second derivative of the cutoff function jumps:
// f_c = 1 below, ½[1 + cos π(r - r_c + w)/w] up to r_c, 0 beyond. A row holds the values at a knot and behind them the
// derivatives times the step of its grid; the last row of a grid is the end of its last interval.
class RadialTable
{
 public:
  // intervals: per σ, at least. Even in both grids, so that every second knot is a table too.
  RadialTable(const RadialBasis &basis, int width, double cutoff, double smoothing, double sigma,
              const std::optional<RadialScaling> &scaling, int intervals);

  int width() const { return width_; }  // values of a knot: (l_max + 1) * n_max
  double cutoff() const { return cutoff_; }
  double border() const { return border_; }       // r_c - w, Å
  double inner_rate() const { return inner_; }    // intervals per Å below the border
  double outer_rate() const { return outer_; }    // and above it; 0 for a hard cutoff
  int inner_rows() const { return inner_rows_; }  // the first row of the outer grid
  std::size_t rows() const { return rows_.size() / static_cast<std::size_t>(2 * width_); }
  const double *data() const { return rows_.data(); }  // (rows, 2, width)

  // Interpolated values at 0 <= r < cutoff.
  void evaluate(double r, double *out) const noexcept;

 private:
  int width_, inner_rows_;
  double cutoff_, border_, inner_, outer_;
  std::vector<double> rows_;
};

}  // namespace ufp
