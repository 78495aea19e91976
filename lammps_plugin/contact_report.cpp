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
  next_note_ = 1;
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

void ContactReport::sum()
{
  const bigint local[] = {local_pairs_, local_triplets_};
  bigint total[2];
  MPI_Allreduce(local, total, 2, MPI_LMP_BIGINT, MPI_SUM, world);
  MPI_Allreduce(&local_closest_, &closest_, 1, MPI_DOUBLE, MPI_MIN, world);
  pairs_ = total[0];
  triplets_ = total[1];
}

std::string ContactReport::summary()
{
  struct {
    double distance;
    int rank;
  } mine{worst_.distance, comm->me}, shortest;
  MPI_Allreduce(&mine, &shortest, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  Contact contact = worst_;
  MPI_Bcast(&contact, sizeof contact, MPI_BYTE, shortest.rank, world);
  std::string text;
  if (contacts() > 0)
    text = fmt::format("{} contacts below a first 2-body knot, the closest of atoms {} and {} (types {} and {}) at "
                       "{:.4f} A, first knot {:.4f} A, step {}",
                       contacts(), contact.tags[0], contact.tags[1], contact.types[0], contact.types[1],
                       contact.distance, contact.first_knot, contact.step);
  if (triplets_ > 0)
    text += fmt::format("{}{} triplets with a distance below a first 3-body knot", text.empty() ? "" : "; ", triplets_);
  return text;
}

void ContactReport::reduce(bool note)
{
  sum();
  const bigint events = std::max(contacts(), triplets_);
  if (!note || events < next_note_) return;
  while (next_note_ <= events) next_note_ *= 10;
  const std::string text = summary();
  if (comm->me == 0) utils::logmesg(lmp, "pair_style ufp: so far, at step {}: {}\n", update->ntimestep, text);
}

void ContactReport::finish(bool warn)
{
  sum();
  if (!warn || (contacts() == 0 && triplets_ == 0)) return;
  const std::string text = summary();
  if (comm->me == 0) error->warning(FLERR, "pair_style ufp: in this run {}", text);
}
