// Writes metrics in Prometheus's text format. Thread: the loop's.
// Source: prometheus.io/docs/instrumenting/exposition_formats; names as
// prometheus.io/docs/practices wants them: base units, counters end with _total.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/metrics/histogram.h"

namespace progressd {

class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  Exposition();
  ~Exposition();

  // Begins a metric; values follow, one for each set of labels. `help` is a sentence.
  void gauge(const std::string& name, const std::string& help);
  void counter(const std::string& name, const std::string& help);
  void value(double value, const Labels& labels = {});

  /// A metric of one value.
  void gauge(const std::string& name, const std::string& help, double value);
  void counter(const std::string& name, const std::string& help, double value);
  void histogram(const std::string& name, const std::string& help,
                 const DurationHistogram& histogram);

  /// How many values there were, and their sum.
  void summary(const std::string& name, const std::string& help, std::uint64_t count, double sum);

  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace progressd
