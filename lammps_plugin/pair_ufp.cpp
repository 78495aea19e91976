#include "pair_ufp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "atom.h"
#include "bonded_neighbours.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

namespace
{

const char citation[] = "pair_style ufp: doi:10.1038/s41524-023-01092-7\n\n"
                        "@Article{Xie2023,\n"
                        " author = {Xie, Stephen R. and Rupp, Matthias and Hennig, Richard G.},\n"
                        " title = {Ultra-fast interpretable machine-learning potentials},\n"
                        " journal = {npj Computational Materials},\n"
                        " volume = {9},\n"
                        " pages = {162},\n"
                        " year = {2023}\n"
                        "}\n\n";

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

PairUFP::PairUFP(LAMMPS *host) : Pair(host), report_(host)
{
  single_enable = 0;
  restartinfo = 1;
  one_coeff = 1;
  reinitflag = 0;  // fix adapt finds nothing to change
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;  // the virial is summed over the neighbourhoods
  centroidstressflag = CENTROID_AVAIL;
  nextra = 2;
  pvector = new double[2]();
  report_.reset();
  if (lmp->citeme) lmp->citeme->add(citation);
}

PairUFP::~PairUFP()
{
  delete[] pvector;
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

void PairUFP::allocate()
{
  const int n = atom->ntypes + 1;
  if (!allocated) {
    memory->create(setflag, n, n, "pair:setflag");
    memory->create(cutsq, n, n, "pair:cutsq");
  }
  allocated = 1;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      setflag[i][j] = 0;
      cutsq[i][j] = 0;
    }
}

void PairUFP::settings(int narg, char **arg)
{
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, "pair_style ufp: expected units metal, found units {}", update->unit_style);
  options_ = ufp::Uf3ModelOptions{};
  short_ = Short::warn;
  int i = 0;
  if (i < narg && (strcmp(arg[i], "2") == 0 || strcmp(arg[i], "3") == 0)) options_.degree = arg[i++][0] - '0';
  for (; i < narg; i += 2) {
    const std::string key = arg[i], value = i + 1 < narg ? arg[i + 1] : "nothing";
    const auto choose = [&](const char *first, const char *second, const char *third = nullptr) {
      if (value == first) return 0;
      if (value == second) return 1;
      if (third && value == third) return 2;
      error->all(FLERR, "pair_style ufp: expected {} {}|{}{}{}, found {}", key, first, second, third ? "|" : "",
                 third ? third : "", value);
      return -1;
    };
    if (key == "short")
      short_ = static_cast<Short>(choose("warn", "error", "quiet"));
    else if (key == "onebody")
      options_.onebody = choose("no", "yes") == 1;
    else if (key == "missing3b")
      options_.missing_triplets_zero = choose("error", "zero") == 1;
    else
      error->all(FLERR, "pair_style ufp: expected 2, 3, short, onebody or missing3b, found {}", key);
  }
  single_enable = options_.degree == 2;
  if (model_) use(folded(potential_, source_));
}

void PairUFP::init_style()
{
  if (!model_) restore();
  if (force->newton_pair == 0) error->all(FLERR, "pair_style ufp: expected newton on (for pairs), found newton off");
  if (atom->tag_enable == 0) error->all(FLERR, "pair_style ufp: expected atoms with IDs, found atom_modify id no");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  lists_stale_ = true;
  report_.reset();
  warn_of_neighbours();
  warn_of_pair_energies();
  if (comm->me == 0 && !logged_) log_model();
  logged_ = true;
}

// LAMMPS leaves bonded neighbours out of the list where both weights are zero.
void PairUFP::warn_of_neighbours() const
{
  if (comm->me == 0 && bonded_neighbours_left_out(*force, *atom))
    error->warning(FLERR, "pair_style ufp: expected special_bonds lj/coul 1 1 1 for atoms with bonds, found a weight "
                          "of 0, with which bonded neighbours are left out of this potential");
}

// LAMMPS refuses these computes next, without a reason.
void PairUFP::warn_of_pair_energies() const
{
  if (comm->me != 0 || options_.degree == 2) return;
  for (const char *const style : {"pair/local", "group/group"})
    if (!modify->get_compute_by_style(style).empty())
      error->warning(FLERR,
                     "pair_style ufp 3: compute {} can have no energies or forces of pairs, because three-body terms "
                     "have no decomposition into pairs; pair_style ufp 2 has them",
                     style);
}

void PairUFP::log_model() const
{
  std::size_t pairs = 0, triplets = 0, coefficients = 0;
  bool uniform = true;
  const auto count = [&](const auto &block, std::size_t &blocks) {
    for (const auto &element : block.elements)
      if (std::find(elements_.begin(), elements_.end(), element) == elements_.end()) return;
    ++blocks;
    coefficients += block.coefficients.size();
    uniform = uniform && block.kind == ufp::KnotKind::uniform;
  };
  for (const auto &block : potential_.pairs) count(block, pairs);
  if (options_.degree == 3)
    for (const auto &block : potential_.triplets) count(block, triplets);
  double pair_cutoff = 0, leg_cutoff = 0;
  std::string names;
  for (int a = 0; a < static_cast<int>(elements_.size()); ++a) {
    names += " " + elements_[at(a)];
    for (int b = 0; b < static_cast<int>(elements_.size()); ++b) {
      pair_cutoff = std::max(pair_cutoff, model_->pair_cutoff(a, b));
      leg_cutoff = std::max(leg_cutoff, model_->leg_cutoff(a, b));
    }
  }
  std::string text = fmt::format("pair_style ufp: {} (DATE: {}), elements{}\n", source_.file, potential_.date, names);
  text += fmt::format("  {} two-body terms, cutoff {:.6g} A", pairs, pair_cutoff);
  if (triplets > 0) text += fmt::format("; {} three-body terms, legs up to {:.6g} A", triplets, leg_cutoff);
  text += fmt::format("\n  {} coefficients, {} knots, {:.3g} MB of tables\n", coefficients,
                      uniform ? "uniform" : "non-uniform", static_cast<double>(model_->bytes()) / 1048576.0);
  static const char *const modes[] = {"warn", "error", "quiet"};
  text += fmt::format("  one-body energies {}, short contacts {}, {} thread(s) per rank, SIMD {}\n",
                      options_.onebody ? "added" : "not added", modes[static_cast<int>(short_)], comm->nthreads,
                      ufp::simd_name(simd_));
  for (const std::string &note : model_->notes()) text += "  note: " + note + "\n";
  utils::logmesg(lmp, text);
}

double PairUFP::init_one(int i, int j)
{
  if (species_[at(i)] < 0 || species_[at(j)] < 0)
    error->all(FLERR, "pair_style ufp: atom type {} is NULL: use pair_style hybrid/overlay to give it another style",
               species_[at(i)] < 0 ? i : j);
  return model_->cutoff(species_[at(i)], species_[at(j)]);
}

// The lists are made anew with LAMMPS's. An atom moves by at most half the skin between two builds; where these lists
// are made later than LAMMPS's own (outer levels of rRESPA), a distance can still shrink by twice the skin.
void PairUFP::update_lists(int threads)
{
  const std::array<bigint, 4> state{neighbor->ncalls, neighbor->lastcall, list->inum, atom->nlocal + atom->nghost};
  if (neighbor->ago != 0 && !lists_stale_ && state == list_state_ && workers_.size() == at(threads)) return;
  list_state_ = state;
  lists_stale_ = false;
  workers_.resize(at(threads));
  const bool just_built = neighbor->ago == 0 && !utils::strmatch(update->integrate_style, "^respa");
  const double margin = (just_built ? 1 : 2) * neighbor->skin;
  const std::vector<int> bounds = balanced(threads);
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
  for (int t = 0; t < threads; ++t) {
    Worker &worker = workers_[at(t)];
    worker.centres.build(*list, bounds[at(t)], bounds[at(t) + 1], *atom, species_, *model_, margin);
    worker.scratch.reserve(*model_, worker.centres.most_legs());
  }
}

// Contiguous shares of about equally many neighbours.
std::vector<int> PairUFP::balanced(int threads) const
{
  bigint total = 0, sum = 0;
  for (int ii = 0; ii < list->inum; ++ii) total += list->numneigh[list->ilist[ii]];
  std::vector<int> bounds{0};
  for (int ii = 0; ii < list->inum && static_cast<int>(bounds.size()) < threads; ++ii) {
    sum += list->numneigh[list->ilist[ii]];
    if (sum * threads >= total * static_cast<bigint>(bounds.size())) bounds.push_back(ii + 1);
  }
  bounds.resize(at(threads) + 1, list->inum);
  bounds.back() = list->inum;
  return bounds;
}

// The first thread adds to LAMMPS's arrays, the others to their own.
void PairUFP::prepare(Worker &worker, bool first)
{
  const std::size_t n = first ? 0 : at(atom->nlocal + atom->nghost);
  worker.force.assign(3 * n, 0.0);
  worker.atom_energy.assign(eflag_atom ? n : 0, 0.0);
  worker.atom_virial.assign(vflag_atom ? 6 * n : 0, 0.0);
  worker.atom_centroid.assign(cvflag_atom ? 9 * n : 0, 0.0);
  worker.sums = ufp::Uf3Sums{};
  worker.sums.force = first ? &atom->f[0][0] : worker.force.data();
  if (eflag_atom) worker.sums.atom_energy = first ? eatom : worker.atom_energy.data();
  if (vflag_atom) worker.sums.atom_virial = first ? &vatom[0][0] : worker.atom_virial.data();
  if (cvflag_atom) worker.sums.atom_centroid = first ? &cvatom[0][0] : worker.atom_centroid.data();
}

void PairUFP::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  const bool per_atom = eflag_atom || vflag_atom || cvflag_atom;
  const ufp::Detail detail = per_atom       ? ufp::Detail::per_atom
                             : vflag_global ? ufp::Detail::virial
                                            : ufp::Detail::forces;
#if defined(_OPENMP)
  const int threads = std::max(1, comm->nthreads);
#else
  const int threads = 1;
#endif
  update_lists(threads);
  for (Worker &worker : workers_) worker.scratch.reset();
  if (atom->nlocal > 0) {
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
    for (int t = 0; t < threads; ++t) {
      Worker &worker = workers_[at(t)];
      prepare(worker, t == 0);
      for (int k = 0; k < worker.centres.size(); ++k)
        ufp::evaluate(*model_, worker.centres.centre(k, &atom->x[0][0]), worker.scratch, worker.sums, detail, simd_);
    }
    add_up(threads);
  }
  report_events();
}

void PairUFP::add_up(int threads)
{
  for (const Worker &worker : workers_) {
    if (eflag_global) eng_vdwl += worker.sums.energy;
    if (vflag_global)
      for (int k = 0; k < 6; ++k) virial[k] += worker.sums.virial[k];
  }
  if (threads == 1) return;
  const auto add = [&](double *total, std::vector<double> Worker::*part, bigint length) {
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static)
#endif
    for (bigint k = 0; k < length; ++k)
      for (std::size_t t = 1; t < workers_.size(); ++t) total[k] += (workers_[t].*part)[static_cast<std::size_t>(k)];
  };
  const bigint n = atom->nlocal + atom->nghost;
  add(&atom->f[0][0], &Worker::force, 3 * n);
  if (eflag_atom) add(eatom, &Worker::atom_energy, n);
  if (vflag_atom) add(&vatom[0][0], &Worker::atom_virial, 6 * n);
  if (cvflag_atom) add(&cvatom[0][0], &Worker::atom_centroid, 9 * n);
}

std::string PairUFP::describe(int i) const
{
  return fmt::format("{} (type {})", atom->tag[i], atom->type[i]);
}

// error->one(): the other ranks do not know of it and need not, the run ends here.
void PairUFP::report_events()
{
  for (const Worker &worker : workers_) {
    const ufp::DomainEvents &events = worker.scratch.events;
    if (events.coincident > 0)
      error->one(FLERR, "pair_style ufp: atoms {} and {} are on one point at step {}: expected distinct positions",
                 describe(events.coincident_i), describe(events.coincident_j), update->ntimestep);
    report_.add(events);
    if (events.short_i >= 0) {
      int i = events.short_i, j = events.short_j;
      if (atom->tag[i] > atom->tag[j]) std::swap(i, j);
      const int a = atom->type[i], b = atom->type[j];
      const double knot = model_->first_knot(species_[at(a)], species_[at(b)]);
      if (short_ == Short::error)
        error->one(FLERR,
                   "pair_style ufp: atoms {} and {} at a distance of {:.6f} at step {}: expected at least {:.6f}, "
                   "the first knot",
                   describe(i), describe(j), events.shortest, update->ntimestep, knot);
      report_.add(
          ContactReport::Contact{events.shortest, knot, update->ntimestep, {atom->tag[i], atom->tag[j]}, {a, b}});
    }
    if (short_ == Short::error && events.clamped_i >= 0)
      error->one(FLERR,
                 "pair_style ufp: atoms {}, {} and {} at step {}: expected distances above the first 3-body knots",
                 describe(events.clamped_i), describe(events.clamped_j), describe(events.clamped_k), update->ntimestep);
  }
  // Steps that all ranks agree on; between them the events are only counted.
  if (eflag_global || neighbor->ago == 0) {
    report_.reduce(short_ == Short::warn);
    // compute pair sums over ranks
    pvector[0] = comm->me == 0 ? static_cast<double>(report_.contacts()) : 0.0;
    pvector[1] = comm->me == 0 ? report_.closest() : 0.0;
  }
}

void PairUFP::finish()
{
  report_.finish(short_ == Short::warn);
}

double PairUFP::single(int, int, int itype, int jtype, double rsq, double, double, double &fforce)
{
  fforce = 0;
  const double r = std::sqrt(rsq);
  if (species_[at(itype)] < 0 || species_[at(jtype)] < 0 || r == 0) return 0;
  double derivative = 0;
  const double energy = model_->pair(species_[at(itype)], species_[at(jtype)], r, derivative);
  fforce = -2 * derivative / r;  // V2 counts ordered pairs
  return 2 * energy;
}

void PairUFP::modify_params(int narg, char **arg)
{
  const auto refuse = [&](const std::string &key, const char *reason) {
    error->all(FLERR,
               "pair_style ufp: expected no pair_modify {}, found it: {}; leave it out or name the style that it is "
               "meant for (pair_modify pair STYLE {} ...)",
               key, reason, key);
  };
  for (int i = 0; i < narg; i += strcmp(arg[i], "nofdotr") == 0 ? 1 : 2) {  // all others take one value
    const std::string key = arg[i];
    const bool on = i + 1 < narg && strcmp(arg[i + 1], "no") != 0;
    if (key == "mix") refuse(key, "the file holds a block for every pair of elements");
    if (key == "shift" && on) refuse(key, "the file alone says how the potential ends at its cutoffs");
    if (key == "tail" && on) refuse(key, "the potential has no tail beyond its cutoffs");
    if (key.rfind("tab", 0) == 0) refuse(key, "the style has no tables of Coulomb or dispersion terms");
  }
  Pair::modify_params(narg, arg);
}

double PairUFP::memory_usage()
{
  double bytes = Pair::memory_usage() + (model_ ? static_cast<double>(model_->bytes()) : 0.0);
  for (const Worker &worker : workers_)
    bytes +=
        static_cast<double>(worker.force.size() * sizeof(double) + worker.scratch.bytes()) + worker.centres.bytes();
  return bytes;
}
