// The rows of a SplineTable and their owner.
#pragma once

#include <cstddef>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/uf3_tables.hpp"

namespace ufp
{

class SplineRows
{
 public:
  // The sum of c_n B_n, below lo the straight line value_lo + slope (r - lo). c with the padding of the axis.
  static SplineRows sum(const SplineAxis &axis, const std::vector<double> &c, double value_lo, double slope);
  // Each basis function, below lo with its value at lo. Only coefficients begin .. end-1 of the axis are kept, the
  // others must be zero; at least four.
  static SplineRows basis(const SplineAxis &axis, int begin, int end);

  // Valid as long as this object, also when it is moved.
  SplineTable table() const noexcept;
  std::size_t bytes() const noexcept;

 private:
  SplineRows(const SplineAxis &axis, std::size_t width);
  void make_grid(const SplineAxis &axis);

  double lo_, hi_, inverse_cell_ = 0, cell_ = 0;
  int last_, steps_ = 0;
  std::vector<double> left_, polynomials_;
  std::vector<int> first_, row_of_cell_;
};

}  // namespace ufp
