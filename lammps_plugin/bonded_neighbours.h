// Whether LAMMPS leaves bonded neighbours out of the lists, which no style here expects.
#pragma once

#include "atom.h"
#include "force.h"

namespace LAMMPS_NS
{

inline bool bonded_neighbours_left_out(const Force &force, const Atom &atom)
{
  bool left_out = false;
  for (int k = 1; k <= 3; ++k) left_out = left_out || (force.special_lj[k] == 0 && force.special_coul[k] == 0);
  return left_out && atom.nbonds > 0;
}

}  // namespace LAMMPS_NS
