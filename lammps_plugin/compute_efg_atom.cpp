#include "compute_efg_atom.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "atom.h"
#include "bonded_neighbours.h"
#include "citeme.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neigh_request_abi.h"
#include "neighbor.h"
#include "pair.h"
#include "potential_source.h"
#include "ufp/error.hpp"
#include "update.h"

using namespace LAMMPS_NS;

namespace
{

const char citation[] = "compute efg/atom: doi:10.1039/D4FD00074A\n\n"
                        "@Article{Harper2025,\n"
                        " author = {Harper, Angela F. and Huss, Tabea and K{\\\"o}cher, Simone S. and Scheurer, "
                        "Christoph},\n"
                        " title = {Tracking {Li} atoms in real-time with ultra-fast {NMR} simulations},\n"
                        " journal = {Faraday Discussions},\n"
                        " volume = {255},\n"
                        " pages = {411--428},\n"
                        " year = {2025}\n"
                        "}\n\n";

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

ComputeEFGAtom::ComputeEFGAtom(LAMMPS *host, int narg, char **arg)
    : Compute(host, narg, arg), name_(std::string("compute ") + arg[0] + " efg/atom")
{
  if (narg < 4) error->all(FLERR, "{}: expected FILE and one element or NULL per atom type", name_);
  if (strcmp(update->unit_style, "metal") != 0 && strcmp(update->unit_style, "real") != 0)
    error->all(FLERR, "{}: expected units metal or real, with lengths in A, found units {}", name_, update->unit_style);
  file_ = arg[3];
  const std::vector<std::string> words(arg + 4, arg + narg);
  const auto keywords = std::find_if(words.begin(), words.end(), &EfgOptions::is_keyword);
  const std::vector<std::string> elements(words.begin(), keywords);
  if (elements.size() != at(atom->ntypes))
    error->all(FLERR, "{}: expected {} elements, one for each atom type, found {}", name_, atom->ntypes,
               elements.size());
  std::string problem;
  try {
    options_ = EfgOptions::parse({keywords, words.end()});
  } catch (const ufp::DomainError &failure) {
    problem = failure.what();
  }
  if (!problem.empty()) error->all(FLERR, "{}: {}", name_, problem);
  load();
  map_types(elements);
  if (model_.baseline) baseline_ = std::make_unique<SharedBaseline>(lmp, *model_.baseline, species_, name_);

  peratom_flag = 1;
  size_peratom_cols = 6 + static_cast<int>(options_.columns.size());
  dynamic_group_allow = 1;
  if (lmp->citeme) lmp->citeme->add(citation);
}

ComputeEFGAtom::~ComputeEFGAtom()
{
  memory->destroy(array_atom);
}

void ComputeEFGAtom::load()
{
  std::string bytes, problem = read_on_all_ranks(lmp, file_, "a .efg model", bytes), warning;
  if (!problem.empty()) error->all(FLERR, "{}: {}", name_, problem);
  try {
    model_ = ufp::read_efg_model(bytes);
    predictor_.emplace(ufp::checked_predictor(model_.arrays, options_.precision, ufp::simd_from_environment(),
                                              model_.checks, model_.label_scale, warning));
  } catch (const ufp::DomainError &failure) {
    problem = failure.what();
  }
  // ranks on different processors may differ in what they can do
  const int failed = !problem.empty();
  int any = 0;
  MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, world);
  if (any) error->all(FLERR, "{}: {}: {}", name_, file_, failed ? problem : "refused on another rank");
  if (!warning.empty() && comm->me == 0) error->warning(FLERR, "{}: {}: {}", name_, file_, warning);
}

void ComputeEFGAtom::map_types(const std::vector<std::string> &elements)
{
  species_ = {-1};
  centre_type_ = {false};
  for (const std::string &element : elements) {
    const int species = element == "NULL" ? -1 : model_.species_of(element);
    if (species < 0 && element != "NULL")
      error->all(FLERR, "{}: {} was trained with {}, found {}; it cannot say what that does", name_, file_,
                 utils::join_words(model_.species, ", "), element);
    species_.push_back(species);
    centre_type_.push_back(model_.is_centre(species));
  }
  if (std::count(centre_type_.begin(), centre_type_.end(), true) == 0)
    error->all(FLERR, "{}: {} predicts at {}, found no atom type of such an element", name_, file_,
               utils::join_words(model_.centres, ", "));
  if (options_.columns.empty()) return;
  isotope_species_ = model_.species_of(ufp::element_of(options_.isotope));
  if (!model_.is_centre(isotope_species_))
    error->all(FLERR, "{}: {} predicts at {}, found isotope {}", name_, file_, utils::join_words(model_.centres, ", "),
               options_.isotope.name);
}

void ComputeEFGAtom::init()
{
  if (atom->tag_enable == 0) error->all(FLERR, "{}: expected atoms with IDs, found atom_modify id no", name_);
  if (comm->me == 0 && bonded_neighbours_left_out(*force, *atom))
    error->warning(FLERR,
                   "{}: expected special_bonds lj/coul 1 1 1 for atoms with bonds, found a weight of 0, with which "
                   "bonded neighbours are left out of the environments",
                   name_);
  if (comm->me == 0 && neighbor->exclude)
    error->warning(FLERR, "{}: neigh_modify exclude leaves neighbours out of the environments", name_);
  if (baseline_) baseline_->check();
  request_list();
  if (comm->me == 0 && !logged_) log_model();
  logged_ = true;
}

// The list of the pair style where it reaches far enough; else one of its own, for which ghost atoms must be there.
void ComputeEFGAtom::request_list()
{
  const double cutoff = model_.arrays.spec.cutoff, reach = cutoff + neighbor->skin;
  const double ghosts = std::max(comm->cutghostuser, force->pair ? force->pair->cutforce + neighbor->skin : 0.0);
  own_list_ = !force->pair;
  for (int i = 1; i <= atom->ntypes && !own_list_; ++i)
    for (int j = 1; j <= atom->ntypes; ++j)
      own_list_ =
          own_list_ || (centre_type_[at(i)] && species_[at(j)] >= 0 && force->pair->cutsq[i][j] < cutoff * cutoff);
  if (own_list_ && comm->mode != Comm::SINGLE)
    error->all(FLERR,
               "{}: expected comm_modify mode single where the pair style's cutoff is below the {:g} A of {}, "
               "found mode multi",
               name_, cutoff, file_);
  if (own_list_ && reach * (1 - 1e-12) > ghosts)  // as printed, a sum may be off by its last digit
    error->all(
        FLERR,
        "{}: expected ghost atoms up to {:g} A (cutoff of {} {:g} A and neighbour skin {:g} A), found them up to "
        "{:g} A; use comm_modify cutoff {:g}, or lay a longer pair style over yours: pair_style hybrid/overlay "
        "... zero {:g}",
        name_, reach, file_, cutoff, neighbor->skin, ghosts, reach, cutoff);
  NeighRequest *const request = neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_OCCASIONAL);
  if (own_list_) request->set_cutoff(reach);
}

void ComputeEFGAtom::init_list(int, NeighList *list)
{
  list_ = list;
}

void ComputeEFGAtom::log_model() const
{
  const ufp::EfgModelArrays &arrays = model_.arrays;
  std::string text = fmt::format("{}: {}{}{}{}, predicts at {}\n", name_, file_, model_.title.empty() ? "" : ", ",
                                 model_.title, model_.code.empty() ? "" : " (written by " + model_.code + ")",
                                 utils::join_words(model_.centres, ", "));
  text +=
      fmt::format("  {} tensor and {} scalar features, n_max {}, l_max {}, zeta {}, cutoff {:g} A, {}\n",
                  arrays.features.size(), arrays.invariants.size(), arrays.spec.n_max, arrays.spec.l_max, arrays.zeta,
                  arrays.spec.cutoff, own_list_ ? "neighbour list of its own" : "pair style's neighbours");
  text += fmt::format("  {} precision, {} stored environments reproduced, {} thread(s) per rank, SIMD {}\n",
                      predictor_->precision() == ufp::Precision::single ? "single" : "double", model_.checks.size(),
                      comm->nthreads, ufp::simd_name(predictor_->simd()));
  if (model_.baseline)
    text += fmt::format("  on {}: Ewald sums over all atoms, in double precision\n", model_.baseline->name);
  text += fmt::format("  columns 1-6 xx yy zz xy xz yz in V/A^2, axes of {}\n",
                      domain->triclinic_general ? "the general triclinic box as it was given" : "the simulation box");
  const std::string frequencies = options_.description();
  if (!frequencies.empty()) text += "  " + frequencies + "\n";
  utils::logmesg(lmp, text);
}

void ComputeEFGAtom::find_centres()
{
  centres_.clear();
  for (int ii = 0; ii < list_->inum; ++ii) {
    const int i = list_->ilist[ii];
    if ((atom->mask[i] & groupbit) && centre_type_[at(atom->type[i])]) centres_.push_back(i);
  }
  std::sort(centres_.begin(), centres_.end());
}

void ComputeEFGAtom::compute_peratom()
{
  invoked_peratom = update->ntimestep;
  if (!list_) error->all(FLERR, "{}: expected a neighbour list, found none yet: run 0 sets it up", name_);
  neighbor->build_one(list_);
  if (atom->nmax > rows_) {
    memory->destroy(array_atom);
    rows_ = atom->nmax;
    memory->create(array_atom, rows_, size_peratom_cols, "efg/atom:array_atom");
  }
  if (atom->nlocal > 0) std::fill_n(&array_atom[0][0], at(atom->nlocal) * at(size_peratom_cols), 0.0);
  find_centres();
  if (baseline_) baseline_->evaluate(centres_);
#if defined(_OPENMP)
  const int threads = std::max(1, comm->nthreads);
#else
  const int threads = 1;
#endif
  while (workers_.size() < at(threads))
    workers_.push_back({{species_, model_.arrays.spec.species, model_.arrays.spec.cutoff}, predictor_->scratch(), {}});
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
  for (int t = 0; t < threads; ++t)
    work(workers_[at(t)], centres_.size() * at(t) / at(threads), centres_.size() * at(t + 1) / at(threads));
  for (const Worker &worker : workers_)
    if (worker.coincident[0] >= 0)
      error->one(FLERR, "{}: atoms {} and {} are less than 0.001 A apart at step {}: expected distinct positions",
                 name_, atom->tag[worker.coincident[0]], atom->tag[worker.coincident[1]], update->ntimestep);
}

void ComputeEFGAtom::work(Worker &worker, std::size_t begin, std::size_t end)
{
  worker.first = begin;
  for (std::size_t k = begin; k < end; ++k) {
    predictor_->add(worker.packer.pack(*list_, centres_[k], *atom), worker.scratch);
    ++worker.count;
    if (worker.packer.coincident() >= 0) {
      worker.coincident[0] = centres_[k];
      worker.coincident[1] = worker.packer.coincident();
    }
    if (worker.count == predictor_->batch() || k + 1 == end) finish_batch(worker);
  }
}

void ComputeEFGAtom::finish_batch(Worker &worker)
{
  worker.tensors.resize(6 * worker.count);
  predictor_->finish(worker.scratch, worker.tensors.data(), worker.tensors.size());
  const double *const rotation = domain->triclinic_general ? &domain->rotate_r2g[0][0] : nullptr;
  for (std::size_t k = 0; k < worker.count; ++k) {
    const int i = centres_[worker.first + k];
    double *const V = &worker.tensors[6 * k];
    if (baseline_) {
      const double *const beneath = baseline_->tensor(worker.first + k);
      for (int a = 0; a < 6; ++a) V[a] += beneath[a];
      V[2] = -(V[0] + V[1]);  // exactly traceless
    }
    options_.write(V, rotation, species_[at(atom->type[i])] == isotope_species_, array_atom[i]);
  }
  worker.first += worker.count;
  worker.count = 0;
}

double ComputeEFGAtom::memory_usage()
{
  double bytes = static_cast<double>(rows_) * size_peratom_cols * sizeof(double);
  const double weight = predictor_->precision() == ufp::Precision::single ? sizeof(float) : sizeof(double);
  bytes += weight * static_cast<double>(model_.arrays.members[0].size() + model_.arrays.active.size());
  for (const Worker &worker : workers_) bytes += worker.packer.bytes();
  if (baseline_) bytes += baseline_->bytes();
  return bytes;
}
