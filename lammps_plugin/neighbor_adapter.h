// One centre of a LAMMPS full neighbour list as a ufp::Neighborhood.
#pragma once

#include <algorithm>
#include <vector>

#include "lmptype.h"
#include "ufp/neighborhood.hpp"

namespace LAMMPS_NS
{

class NeighborAdapter
{
 public:
  void reserve(int count)
  {
    buffer_.reserve(count);
    atoms_.resize(std::max(atoms_.size(), static_cast<std::size_t>(count)));
  }

  // Call reserve() first. Local and ghost neighbours of atom i within `cutsq` (type, type) whose type has a species (>=
  // 0).
  ufp::Neighborhood pack(int i, const int *neighbors, int count, const double *const *x, const int *type,
                         const std::vector<int> &species, const double *const *cutsq)
  {
    buffer_.clear();
    const double *const limit = cutsq[type[i]];
    for (int q = 0; q < count; ++q) {
      const int j = neighbors[q] & NEIGHMASK;
      const int s = species[static_cast<std::size_t>(type[j])];
      if (s < 0) continue;
      const double dx = x[j][0] - x[i][0], dy = x[j][1] - x[i][1], dz = x[j][2] - x[i][2];
      if (dx * dx + dy * dy + dz * dz >= limit[type[j]]) continue;
      atoms_[static_cast<std::size_t>(buffer_.count())] = j;
      buffer_.add(s, dx, dy, dz);
    }
    return buffer_.view(species[static_cast<std::size_t>(type[i])]);
  }

  // Local index of neighbour q of the last call.
  int atom(int q) const { return atoms_[static_cast<std::size_t>(q)]; }
  int count() const { return buffer_.count(); }

 private:
  ufp::NeighborhoodBuffer buffer_;
  std::vector<int> atoms_;  // may be longer than the neighbourhood
};

}  // namespace LAMMPS_NS
