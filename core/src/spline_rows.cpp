#include "ufp/spline_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ufp
{
namespace
{

using Index = std::size_t;

Index at(int i)
{
  return static_cast<Index>(i);
}

// p(x + shift) for p[4] with the lowest power first, entries `stride` apart
void shift(double *p, Index stride, double by)
{
  double &a = p[0], &b = p[stride], &c = p[2 * stride], d = p[3 * stride];
  a += by * (b + by * (c + by * d));
  b += by * (2 * c + by * 3 * d);
  c += by * 3 * d;
}

}  // namespace

SplineRows::SplineRows(const SplineAxis &axis, Index width)
    : lo_(axis.lo()), hi_(axis.hi()), last_(axis.intervals() + 1)
{
  const Index rows = at(last_) + 1;
  left_.resize(rows);
  polynomials_.assign(rows * width, 0.0);
  const std::vector<double> &breaks = axis.breaks();
  if (axis.uniform()) {
    inverse_cell_ = axis.intervals() / (breaks.back() - lo_);
    cell_ = 1 / inverse_cell_;
    for (Index row = 0; row < rows; ++row) left_[row] = lo_ + (static_cast<double>(row) - 1) * cell_;
  } else {
    left_[0] = lo_;
    std::copy(breaks.begin(), breaks.end(), left_.begin() + 1);
    left_.push_back(std::numeric_limits<double>::infinity());  // ends the search of a distance beyond the last knot
    make_grid(axis);
  }
}

void SplineRows::make_grid(const SplineAxis &axis)
{
  const std::vector<double> &breaks = axis.breaks();
  double narrowest = breaks[1] - breaks[0];
  for (Index s = 1; s + 1 < breaks.size(); ++s) narrowest = std::min(narrowest, breaks[s + 1] - breaks[s]);
  const double length = breaks.back() - lo_;
  const int cells = static_cast<int>(std::min(1024.0, std::ceil(4 * length / narrowest)));
  inverse_cell_ = cells / length;
  cell_ = 1 / inverse_cell_;
  const auto row_at = [&](double r) { return r < lo_ ? 1 : axis.interval(r) + 1; };
  for (int k = 0; k < cells; ++k) {
    // a cell early at its start and late at its end, so that rounding of the cell never misses a row
    row_of_cell_.push_back(row_at(lo_ + (k - 1) * cell_));
    steps_ = std::max(steps_, row_at(lo_ + (k + 2) * cell_) - row_of_cell_.back());
  }
}

SplineRows SplineRows::sum(const SplineAxis &axis, const std::vector<double> &c, double value_lo, double slope)
{
  SplineRows out(axis, 4);
  double *p = out.polynomials_.data();
  p[0] = value_lo + slope * (out.left_[0] - out.lo_);
  p[1] = slope;
  for (int s = 0; s < axis.intervals(); ++s) {
    p += 4;
    axis.contract(s, c.data(), p);
    shift(p, 1, out.left_[at(s) + 1] - axis.breaks()[at(s)]);
  }
  return out;
}

SplineRows SplineRows::basis(const SplineAxis &axis, int begin, int end)
{
  SplineRows out(axis, 16);
  out.first_.assign(at(out.last_) + 1, 0);
  for (int s = 0; s < axis.intervals(); ++s) {
    const int first = axis.first(s), kept = std::clamp(first, begin, end - 4);
    out.first_[at(s) + 1] = kept - begin;
    double *row = &out.polynomials_[16 * (at(s) + 1)];
    for (int i = 0; i < 4; ++i) {
      const int from = kept + i - first;  // this basis function among the active ones
      if (from < 0 || from > 3) continue;
      for (int power = 0; power < 4; ++power) row[4 * power + i] = axis.polynomials(s)[4 * power + from];
      shift(row + i, 4, out.left_[at(s) + 1] - axis.breaks()[at(s)]);
    }
  }
  double b[4], slope[4];
  out.first_[0] = out.first_[1];
  const int first = axis.evaluate(out.lo_, b, slope);
  for (int i = 0; i < 4; ++i) {
    const int from = out.first_[0] + begin + i - first;
    if (from >= 0 && from <= 3) out.polynomials_[at(i)] = b[from];
  }
  return out;
}

SplineTable SplineRows::table() const noexcept
{
  SplineTable out;
  out.lo = lo_;
  out.hi = hi_;
  out.inverse_cell = inverse_cell_;
  out.cell = cell_;
  out.last = last_;
  out.cells = static_cast<int>(row_of_cell_.size());
  out.steps = steps_;
  out.row_of_cell = row_of_cell_.data();
  out.left = left_.data();
  out.polynomials = polynomials_.data();
  out.first = first_.data();
  return out;
}

std::size_t SplineRows::bytes() const noexcept
{
  return sizeof(double) * (left_.size() + polynomials_.size()) + sizeof(int) * (first_.size() + row_of_cell_.size());
}

}  // namespace ufp
