// One atom of a LAMMPS full neighbour list and what surrounds it, as the field gradient kernel takes it.
#pragma once

#include <vector>

#include "atom.h"
#include "neigh_list.h"
#include "ufp/environment.hpp"

namespace LAMMPS_NS
{

// Work space of one thread; keeps its memory.
class EnvironmentPacker
{
 public:
  // species: (ntypes + 1) of each type among `count`, -1: none. cutoff, A.
  EnvironmentPacker(const std::vector<int> &species, int count, double cutoff);

  // Valid until the next call.
  ufp::Environment pack(const NeighList &list, int i, const Atom &atom);
  // A neighbour less than 0.001 A from the centre of the last call, -1: none.
  int coincident() const { return coincident_; }
  double bytes() const;

 private:
  const std::vector<int> &species_;
  int count_, coincident_ = -1;
  double square_;
  std::vector<int> kind_, first_;
  std::vector<double> candidate_, x_, y_, z_, distance_;
};

}  // namespace LAMMPS_NS
