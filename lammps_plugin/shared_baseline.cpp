#include "shared_baseline.h"

#include <algorithm>
#include <limits>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "ufp/error.hpp"
#include "update.h"

using namespace LAMMPS_NS;

namespace
{

// What the ranks tell each other of an atom.
enum Entry { x, y, z, kind, is_centre, id, entries };

int count(std::size_t n)
{
  return static_cast<int>(n);
}

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

SharedBaseline::SharedBaseline(LAMMPS *host, const ufp::EfgBaseline &baseline, const std::vector<int> &species,
                               const std::string &owner)
    : Pointers(host), owner_(owner), name_(baseline.name), coefficients_(baseline.coefficients), model_(baseline.spec)
{
  for (const int s : species) kind_.push_back(s < 0 ? -1 : baseline.species[at(s)]);
  team_.part = at(comm->me);
  team_.parts = at(comm->nprocs);
  team_.gather = [this](double *values, std::size_t n, std::size_t width) { share(values, n, width); };
}

void SharedBaseline::check() const
{
  char boundary[9];
  domain->boundary_string(boundary);
  if (domain->nonperiodic != 0)
    error->all(FLERR, "{}: the model stands on {}: expected a box periodic in x, y and z, found boundary {}", owner_,
               name_, boundary);
  for (int type = 1; type <= atom->ntypes; ++type)
    if (kind_[at(type)] < 0)
      error->all(FLERR,
                 "{}: the model stands on {}, whose fields reach everywhere: expected a known element for each atom "
                 "type, found none for type {}",
                 owner_, name_, type);
}

void SharedBaseline::evaluate(const std::vector<int> &centres)
{
  gather(centres);
  const double h[] = {domain->xprd, domain->yprd, domain->zprd};
  const ufp::Cell cell{{{h[0], 0, 0}, {domain->xy, h[1], 0}, {domain->xz, domain->yz, h[2]}}};
  tensors_.resize(6 * sites_.size());
  std::string problem;
  try {
    model_.predict({cell, species_.size(), positions_.data(), species_.data()}, sites_.size(), sites_.data(),
                   coefficients_.data(), tensors_.data(), team_);
  } catch (const ufp::CoincidentAtoms &pair) {
    const auto name = [&](std::size_t i) { return static_cast<tagint>(all_[entries * i + id]); };
    const tagint one = name(pair.first), other = name(pair.second);
    problem = fmt::format("atoms {} and {} are less than 0.001 A apart: expected distinct positions",
                          std::min(one, other), std::max(one, other));
  } catch (const ufp::DomainError &failure) {
    problem = failure.what();
  }
  if (!problem.empty()) error->one(FLERR, "{}: {} at step {}", owner_, problem, update->ntimestep);
}

// Atoms and centres of all ranks, in the order of the ranks.
void SharedBaseline::gather(const std::vector<int> &centres)
{
  mine_.assign(entries * at(atom->nlocal), 0.0);
  for (int i = 0; i < atom->nlocal; ++i) {
    double *const row = &mine_[entries * at(i)];
    std::copy_n(atom->x[i], 3, row);
    row[kind] = kind_[at(atom->type[i])];
    row[id] = static_cast<double>(atom->tag[i]);
  }
  for (const int i : centres) mine_[entries * at(i) + is_centre] = 1;
  if (atom->natoms > std::numeric_limits<int>::max() / entries)
    error->all(FLERR, "{}: the model stands on {}: expected at most {} atoms, found {}", owner_, name_,
               std::numeric_limits<int>::max() / entries, atom->natoms);
  std::vector<int> counts(team_.parts), starts(team_.parts);
  const int length = count(mine_.size());
  MPI_Allgather(&length, 1, MPI_INT, counts.data(), 1, MPI_INT, world);
  int total = 0;
  for (std::size_t rank = 0; rank < team_.parts; ++rank) {
    starts[rank] = total;
    total += counts[rank];
  }
  all_.resize(at(total));
  MPI_Allgatherv(mine_.data(), length, MPI_DOUBLE, all_.data(), counts.data(), starts.data(), MPI_DOUBLE, world);

  positions_.clear();
  species_.clear();
  sites_.clear();
  for (std::size_t i = 0; i < all_.size() / entries; ++i) {
    const double *const row = &all_[entries * i];
    if (entries * i == at(starts[team_.part])) first_ = sites_.size();
    positions_.insert(positions_.end(), row, row + 3);
    species_.push_back(static_cast<int>(row[kind]));
    if (row[is_centre] != 0) sites_.push_back(i);
  }
}

void SharedBaseline::share(double *values, std::size_t n, std::size_t width) const
{
  std::vector<int> counts, starts;
  for (std::size_t rank = 0; rank < team_.parts; ++rank) {
    starts.push_back(count(width * team_.start(n, rank)));
    counts.push_back(count(width * team_.start(n, rank + 1)) - starts.back());
  }
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, counts.data(), starts.data(), MPI_DOUBLE, world);
}

double SharedBaseline::bytes() const
{
  const std::size_t doubles = mine_.capacity() + all_.capacity() + positions_.capacity() + tensors_.capacity();
  return static_cast<double>(doubles * sizeof(double) + species_.capacity() * sizeof(int) +
                             sites_.capacity() * sizeof(std::size_t));
}
