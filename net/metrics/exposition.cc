#include "net/metrics/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

#include "core/base/ensure.h"

namespace progressd {

struct Exposition::Families {
  std::vector<prometheus::MetricFamily> all;

  void begin(const std::string& name, const std::string& help, prometheus::MetricType type) {
    all.push_back({name, help, type, {}});
  }
};

Exposition::Exposition() : families_(std::make_unique<Families>()) {}
Exposition::~Exposition() = default;

void Exposition::gauge(const std::string& name, const std::string& help) {
  families_->begin(name, help, prometheus::MetricType::Gauge);
}

void Exposition::counter(const std::string& name, const std::string& help) {
  families_->begin(name, help, prometheus::MetricType::Counter);
}

void Exposition::value(double value, const Labels& labels) {
  ENSURE(!families_->all.empty());
  prometheus::MetricFamily& family = families_->all.back();
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  metric.gauge.value = value;
  metric.counter.value = value;
  family.metric.push_back(std::move(metric));
}

void Exposition::gauge(const std::string& name, const std::string& help, double value) {
  gauge(name, help);
  this->value(value);
}

void Exposition::counter(const std::string& name, const std::string& help, double value) {
  counter(name, help);
  this->value(value);
}

void Exposition::histogram(const std::string& name, const std::string& help,
                           const DurationHistogram& histogram) {
  families_->begin(name, help, prometheus::MetricType::Histogram);
  prometheus::ClientMetric metric;
  metric.histogram.sample_count = histogram.count();
  metric.histogram.sample_sum = histogram.sum();
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i <= DurationHistogram::kUpperSeconds.size(); ++i) {
    so_far += histogram.count_in(i);
    const double upper = i < DurationHistogram::kUpperSeconds.size()
                             ? DurationHistogram::kUpperSeconds[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({so_far, upper});
  }
  families_->all.back().metric.push_back(std::move(metric));
}

void Exposition::summary(const std::string& name, const std::string& help, std::uint64_t count,
                         double sum) {
  families_->begin(name, help, prometheus::MetricType::Summary);
  prometheus::ClientMetric metric;
  metric.summary.sample_count = count;
  metric.summary.sample_sum = sum;
  families_->all.back().metric.push_back(std::move(metric));
}

std::string Exposition::text() const {
  return prometheus::TextSerializer().Serialize(families_->all);
}

}  // namespace progressd
