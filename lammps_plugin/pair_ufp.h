// pair_style ufp: ultra-fast two- and three-body spline potentials from .uf3 files.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "contact_report.h"
#include "neighbor_adapter.h"
#include "pair.h"
#include "potential_source.h"
#include "type_table.h"
#include "ufp/uf3_evaluate.hpp"
#include "ufp/uf3_potential.hpp"

namespace LAMMPS_NS
{

class PairUFP : public Pair
{
 public:
  explicit PairUFP(class LAMMPS *);
  ~PairUFP() override;
  PairUFP(const PairUFP &) = delete;
  PairUFP &operator=(const PairUFP &) = delete;

  void compute(int, int) override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void finish() override;
  double single(int, int, int, int, double, double, double, double &) override;
  void *extract(const char *, int &) override;
  void modify_params(int, char **) override;
  void write_restart(FILE *) override;
  void read_restart(FILE *) override;
  void write_restart_settings(FILE *) override;
  void read_restart_settings(FILE *) override;
  double memory_usage() override;

 private:
  enum class Short { warn, error, quiet };

  // Everything one thread writes to.
  struct Worker {
    NeighborAdapter adapter;
    ufp::Uf3Scratch scratch;
    std::vector<double> force;  // (nall, 3); the first thread writes to atom->f instead
    double energy = 0;
    std::array<double, 6> virial{};
    std::array<int, 2> coincident{-1, -1};
    std::array<int, 2> contact{-1, -1};
    double distance = 0;
    std::array<int, 3> clamped{-1, -1, -1};
  };

  void allocate();
  void load(PotentialSource source, bool restored);
  void restore();
  std::unique_ptr<ufp::Uf3Model> folded(const ufp::Uf3Potential &potential, const PotentialSource &source) const;
  void use(std::unique_ptr<ufp::Uf3Model> model);
  void warn_of_neighbours() const;
  void warn_of_pair_energies() const;
  void log_model() const;
  void prepare(int threads);
  void evaluate_centre(int i, Worker &worker, double *f, ufp::Detail detail);
  void note_events(int i, Worker &worker) const;
  void tally_atoms(int i, const Worker &worker);
  void report_events();
  std::string describe(int i) const;

  ufp::Uf3ModelOptions options_;
  Short short_ = Short::warn;
  PotentialSource source_;
  ufp::Uf3Potential potential_;
  std::vector<std::string> elements_;  // distinct, in order of first use
  std::vector<int> species_;           // (ntypes + 1) type -> index into elements_, -1: NULL
  std::unique_ptr<ufp::Uf3Model> model_;
  TypeTable cutoff_, pair_cutoff_, leg_cutoff_, first_knot_;  // for extract()
  std::vector<double> onebody_;
  bool logged_ = false;
  std::vector<Worker> workers_;
  ContactReport report_;
};

}  // namespace LAMMPS_NS
