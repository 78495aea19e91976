#include "contact_report.h"

#include <algorithm>
#include <limits>
#include <string>

#include "comm.h"
#include "error.h"
#include "update.h"

using namespace LAMMPS_NS;

void ContactReport::reset()
{
  local_pairs_ = local_triplets_ = pairs_ = triplets_ = 0;
  next_warning_ = 1;
  local_closest_ = closest_ = std::numeric_limits<double>::infinity();
  worst_ = Contact{};
  worst_.distance = local_closest_;
}

void ContactReport::add(const ufp::DomainEvents &events)
{
  local_pairs_ += events.short_pairs;
  local_triplets_ += events.clamped_triplets;
  local_closest_ = std::min(local_closest_, events.closest);
}

void ContactReport::add(const Contact &contact)
{
  if (contact.distance < worst_.distance) worst_ = contact;
}

void ContactReport::reduce(bool warn)
{
  const bigint local[] = {local_pairs_, local_triplets_};
  bigint total[2];
  MPI_Allreduce(local, total, 2, MPI_LMP_BIGINT, MPI_SUM, world);
  MPI_Allreduce(&local_closest_, &closest_, 1, MPI_DOUBLE, MPI_MIN, world);
  pairs_ = total[0];
  triplets_ = total[1];
  const bigint events = std::max(contacts(), triplets_);
  if (!warn || events < next_warning_) return;
  while (next_warning_ <= events) next_warning_ *= 10;

  struct {
    double distance;
    int rank;
  } mine{worst_.distance, comm->me}, shortest;
  MPI_Allreduce(&mine, &shortest, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  Contact contact = worst_;
  MPI_Bcast(&contact, sizeof contact, MPI_BYTE, shortest.rank, world);
  worst_.distance = std::numeric_limits<double>::infinity();
  if (comm->me != 0) return;
  if (contacts() > 0)
    error->warning(FLERR,
                   "pair_style ufp: {} contacts below the first knot so far; the closest since the last warning: atoms "
                   "{} and {} (types {} and {}) at {:.4f}, first knot {:.4f}, step {}",
                   contacts(), contact.tags[0], contact.tags[1], contact.types[0], contact.types[1], contact.distance,
                   contact.first_knot, contact.step);
  if (triplets_ > 0)
    error->warning(FLERR, "pair_style ufp: {} triplets with a distance below a first 3-body knot so far, step {}",
                   triplets_, update->ntimestep);
}

void ContactReport::finish(bool warn)
{
  reduce(warn);
  if (comm->me == 0 && warn && (contacts() > 0 || triplets_ > 0))
    error->warning(FLERR,
                   "pair_style ufp: in this run {} contacts below a first 2-body knot and {} triplets below a first "
                   "3-body knot; closest approach {:.4f}",
                   contacts(), triplets_, closest_);
}
