// Counts distances below the first knots over a run and says so rarely: at the first one and at powers of ten.
#pragma once

#include "pointers.h"
#include "ufp/uf3_evaluate.hpp"

namespace LAMMPS_NS
{

class ContactReport : protected Pointers
{
 public:
  struct Contact {
    double distance, first_knot;
    bigint step;
    tagint tags[2];
    int types[2];
  };

  explicit ContactReport(LAMMPS *host) : Pointers(host) {}

  void reset();  // at the start of a run
  void add(const ufp::DomainEvents &events);
  void add(const Contact &contact);
  // Sum over the ranks (collective) and, on rank 0, a warning where the total has passed a power of ten.
  void reduce(bool warn);
  // The same, and the totals of the run if there was anything.
  void finish(bool warn);

  bigint contacts() const { return pairs_ / 2; }  // of all ranks, as of the last reduce()
  double closest() const { return closest_; }

 private:
  bigint local_pairs_ = 0, local_triplets_ = 0;  // ordered pairs: every contact counts twice
  bigint pairs_ = 0, triplets_ = 0, next_warning_ = 1;
  double local_closest_ = 0, closest_ = 0;
  Contact worst_{};
};

}  // namespace LAMMPS_NS
