// A number for each pair of atom types as Pair::extract() hands it out: pointers to rows, types from 1.
#pragma once

#include <cstddef>
#include <vector>

namespace LAMMPS_NS
{

class TypeTable
{
 public:
  // value(i, j) for all types up to ntypes
  template <class Value> void fill(int ntypes, const Value &value)
  {
    const std::size_t n = static_cast<std::size_t>(ntypes) + 1;
    values_.assign(n * n, 0.0);
    rows_.resize(n);
    for (std::size_t i = 0; i < n; ++i) rows_[i] = &values_[i * n];
    for (int i = 1; i <= ntypes; ++i)
      for (int j = 1; j <= ntypes; ++j) rows_[static_cast<std::size_t>(i)][j] = value(i, j);
  }
  double **rows() { return rows_.data(); }

 private:
  std::vector<double> values_;
  std::vector<double *> rows_;
};

}  // namespace LAMMPS_NS
