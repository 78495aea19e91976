// How the potential comes into the style, pair_coeff and restart files, and what other commands may know of it.
#include <cstring>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "pair_ufp.h"
#include "ufp/error.hpp"

using namespace LAMMPS_NS;

namespace
{

constexpr int restart_format = 4;  // 2 and 3 are the degrees with which earlier files begin

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

void PairUFP::coeff(int narg, char **arg)
{
  const int ntypes = atom->ntypes;
  if (narg < 3 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "pair_style ufp: expected pair_coeff * * FILE and one element or NULL per atom type");
  if (narg != 3 + ntypes)
    error->all(FLERR, "pair_style ufp: expected {} elements in pair_coeff, one for each atom type, found {}", ntypes,
               narg - 3);
  PotentialSource source;
  source.file = arg[2];
  source.types.assign(arg + 3, arg + narg);
  if (source.elements().empty())
    error->all(FLERR, "pair_style ufp: expected at least one element in pair_coeff, found only NULL");
  load(std::move(source), false);
}

// Changes nothing unless the file can be used.
void PairUFP::load(PotentialSource source, bool restored)
{
  std::string text, problem = read_on_all_ranks(lmp, source.file, "a .uf3 file", text);
  const Fingerprint found = Fingerprint::of(text);
  if (problem.empty() && restored && !(found == source.fingerprint))
    problem =
        fmt::format("{}: expected the file that the restarted run used, of {} bytes (checksum {:016x}), found {} bytes "
                    "(checksum {:016x})",
                    source.file, source.fingerprint.bytes, source.fingerprint.checksum, found.bytes, found.checksum);
  ufp::Uf3Potential potential;
  if (problem.empty()) try {
      potential = ufp::parse_uf3(text, source.file);
    } catch (const ufp::ParseError &failure) {
      problem = failure.what();
    }
  if (!problem.empty())
    error->all(FLERR, "pair_style ufp: {}{}", problem,
               restored ? "; to go on, repeat pair_coeff * * FILE and the elements after read_restart" : "");
  source.fingerprint = found;
  std::unique_ptr<ufp::Uf3Model> model = folded(potential, source);
  potential_ = std::move(potential);
  source_ = std::move(source);
  elements_ = source_.elements();
  species_ = source_.species();
  use(std::move(model));

  allocate();
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j) setflag[i][j] = species_[at(i)] >= 0 && species_[at(j)] >= 0;
}

std::unique_ptr<ufp::Uf3Model> PairUFP::folded(const ufp::Uf3Potential &potential, const PotentialSource &source) const
{
  std::string problem;
  try {
    return std::make_unique<ufp::Uf3Model>(potential, source.elements(), options_);
  } catch (const ufp::DomainError &failure) {
    problem = failure.what();
  }
  error->all(FLERR, "pair_style ufp: {}: {}", source.file, problem);
  return nullptr;
}

void PairUFP::use(std::unique_ptr<ufp::Uf3Model> model)
{
  std::string problem;
  try {
    simd_ = ufp::simd_from_environment();
  } catch (const ufp::DomainError &failure) {
    problem = failure.what();
  }
  if (!problem.empty()) error->all(FLERR, "pair_style ufp: UFP_SIMD: {}", problem);
  model_ = std::move(model);
  logged_ = false;
  lists_stale_ = true;
  const int ntypes = atom->ntypes;
  const auto fill = [&](TypeTable &table, double (ufp::Uf3Model::*value)(int, int) const noexcept) {
    table.fill(ntypes, [&](int i, int j) {
      const int a = species_[at(i)], b = species_[at(j)];
      return a < 0 || b < 0 ? 0.0 : (model_.get()->*value)(a, b);
    });
  };
  fill(cutoff_, &ufp::Uf3Model::cutoff);
  fill(pair_cutoff_, &ufp::Uf3Model::pair_cutoff);
  fill(leg_cutoff_, &ufp::Uf3Model::leg_cutoff);
  fill(first_knot_, &ufp::Uf3Model::first_knot);
  onebody_.assign(species_.size(), 0.0);
  for (std::size_t i = 1; i < species_.size(); ++i)
    if (species_[i] >= 0) onebody_[i] = model_->onebody(species_[i]);
}

void PairUFP::write_restart(FILE *file)
{
  write_restart_settings(file);
}

void PairUFP::read_restart(FILE *file)
{
  read_restart_settings(file);
  // what an old file does not know counts as set, so that LAMMPS calls init_style(), which gives the reason
  const std::vector<int> species = source_.species();
  allocate();
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j)
      setflag[i][j] = source_.file.empty() || (species[at(i)] >= 0 && species[at(j)] >= 0);
}

void PairUFP::write_restart_settings(FILE *file)
{
  const std::string record = source_.record();
  const int values[] = {restart_format,
                        options_.degree,
                        static_cast<int>(short_),
                        options_.onebody,
                        options_.missing_triplets_zero,
                        static_cast<int>(record.size())};
  fwrite(values, sizeof(int), 6, file);
  fwrite(record.data(), 1, record.size(), file);
}

void PairUFP::read_restart_settings(FILE *file)
{
  int first = 0, values[5] = {};
  const auto read = [&](int *target, std::size_t count) {
    if (comm->me == 0) utils::sfread(FLERR, target, sizeof(int), count, file, nullptr, error);
    MPI_Bcast(target, static_cast<int>(count), MPI_INT, 0, world);
  };
  read(&first, 1);
  const bool old = first == 2 || first == 3;  // a file without the potential begins with the degree
  if (!old && first != restart_format)
    error->all(FLERR,
               "pair_style ufp: expected format {} of its part of the restart file, found {}: read the file with "
               "the version of ufpnmr that wrote it and continue from its write_data",
               restart_format, first);
  values[0] = first;
  read(values + old, old ? 3 : 5);
  options_.degree = values[0];
  short_ = static_cast<Short>(values[1]);
  options_.onebody = values[2] != 0;
  options_.missing_triplets_zero = values[3] != 0;
  single_enable = options_.degree == 2;

  std::string record(at(values[4]), '\0');
  if (comm->me == 0 && !record.empty()) utils::sfread(FLERR, &record[0], 1, record.size(), file, nullptr, error);
  MPI_Bcast(&record[0], values[4], MPI_CHAR, 0, world);
  source_ = PotentialSource::from_record(record);
}

// Deferred to the run: until then pair_coeff may name another file, and under hybrid it must.
void PairUFP::restore()
{
  if (source_.file.empty())
    error->all(FLERR, "pair_style ufp: the restart file, of an earlier version, holds the settings but not the "
                      "potential: repeat pair_coeff * * FILE and the elements after read_restart");
  load(source_, true);
}

void *PairUFP::extract(const char *name, int &dim)
{
  if (!model_) return nullptr;
  dim = 2;
  if (strcmp(name, "cutoff") == 0) return cutoff_.rows();
  if (strcmp(name, "pair_cutoff") == 0) return pair_cutoff_.rows();
  if (strcmp(name, "leg_cutoff") == 0) return leg_cutoff_.rows();
  if (strcmp(name, "first_knot") == 0) return first_knot_.rows();
  dim = 1;
  return strcmp(name, "onebody") == 0 ? onebody_.data() : nullptr;
}
