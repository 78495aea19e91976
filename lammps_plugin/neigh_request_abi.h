// The one function of NeighRequest that a compute calls, restated where an installed set of headers does not ship it.
#pragma once

#if __has_include("neigh_request.h")
#include "neigh_request.h"
#else
namespace LAMMPS_NS
{
class NeighRequest
{
 public:
  void set_cutoff(double cutoff);
};
}  // namespace LAMMPS_NS
#endif
