// Atoms of one structure as Python hands them over, checked.
#pragma once

#include <pybind11/numpy.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "ufp/environment.hpp"
#include "ufp/error.hpp"
#include "ufp/lambda_soap.hpp"

using Doubles = pybind11::array_t<double, pybind11::array::c_style | pybind11::array::forcecast>;
using Integers = pybind11::array_t<int, pybind11::array::c_style | pybind11::array::forcecast>;

inline std::string shape_of(const pybind11::array &values)
{
  std::string text;
  for (pybind11::ssize_t d = 0; d < values.ndim(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(values.shape(d));
  return "(" + text + ")";
}

// species (N,), positions (N, 3) Å, cell (3, 3) Å and the centres, indices of atoms; the arrays must outlive it.
struct StructureInput {
  ufp::AtomView atoms;
  std::vector<std::size_t> centres;

  StructureInput(const Integers &species, const Doubles &positions, const Doubles &cell,
                 const std::array<bool, 3> &periodic, const Integers &wanted, int species_count)
      : atoms{static_cast<std::size_t>(species.size()), species.data(), positions.data(), {}, periodic}
  {
    if (species.ndim() != 1) throw ufp::DomainError("expected species of shape (atoms,), found " + shape_of(species));
    if (positions.ndim() != 2 || positions.shape(0) != species.size() || positions.shape(1) != 3)
      throw ufp::DomainError("expected positions of shape (" + std::to_string(species.size()) + ", 3), found " +
                             shape_of(positions));
    if (cell.ndim() != 2 || cell.shape(0) != 3 || cell.shape(1) != 3)
      throw ufp::DomainError("expected a cell of shape (3, 3), found " + shape_of(cell));
    if (wanted.ndim() != 1) throw ufp::DomainError("expected a list of centres, found shape " + shape_of(wanted));
    for (std::size_t k = 0; k < 9; ++k) atoms.cell[k] = cell.data()[k];
    for (std::size_t i = 0; i < atoms.count; ++i)
      if (species.data()[i] < 0 || species.data()[i] >= species_count)
        throw ufp::DomainError("expected species from 0 to " + std::to_string(species_count - 1) + ", found " +
                               std::to_string(species.data()[i]) + " for atom " + std::to_string(i));
    for (pybind11::ssize_t k = 0; k < wanted.size(); ++k) {
      const int i = wanted.data()[k];
      if (i < 0 || i >= species.size())
        throw ufp::DomainError("expected centres from 0 to " + std::to_string(species.size() - 1) + ", found " +
                               std::to_string(i));
      centres.push_back(static_cast<std::size_t>(i));
    }
  }
};

// Rows l1 l2 q1 q2.
inline std::vector<ufp::Feature> feature_rows(const Integers &list)
{
  if (list.ndim() != 2 || list.shape(1) != 4)
    throw ufp::DomainError("expected features l1 l2 q1 q2 of shape (features, 4), found " + shape_of(list));
  std::vector<ufp::Feature> rows;
  for (const int *f = list.data(); f != list.data() + list.size(); f += 4) rows.push_back({f[0], f[1], f[2], f[3]});
  return rows;
}
