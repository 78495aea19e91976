// Counts distances below the first knots over a run: notes in the log, and one warning at the end.
#pragma once

#include <string>

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
  // Sum over the ranks (collective) and, if asked for, note in the log that the total has passed a power of ten.
  void reduce(bool note);
  // Sum a last time and, if asked for, warn if there was anything in the run.
  void finish(bool warn);

  bigint contacts() const { return pairs_ / 2; }  // of all ranks, as of the last reduce()
  double closest() const { return closest_; }

 private:
  void sum();
  std::string summary();  // collective

  bigint local_pairs_ = 0, local_triplets_ = 0;  // ordered pairs: every contact counts twice
  bigint pairs_ = 0, triplets_ = 0, next_note_ = 1;
  double local_closest_ = 0, closest_ = 0;
  Contact worst_{};  // of this rank, with the smallest distance
};

}  // namespace LAMMPS_NS
