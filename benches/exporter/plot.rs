//! Two plots beside each other: run time against what there is, and against what is new.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

/// A line of a plot: a name, and what was measured at each size.
pub struct Line {
    pub name: &'static str,
    pub is_ours: bool,
    pub points: Vec<(usize, Duration)>,
}

pub struct Plot {
    pub title: &'static str,
    pub x_label: &'static str,
    pub lines: Vec<Line>,
}

const SIZE: (u32, u32) = (1120, 460);
const OURS: [RGBColor; 5] = [
    RGBColor(0, 92, 175),
    RGBColor(0, 150, 136),
    RGBColor(94, 53, 177),
    RGBColor(0, 172, 193),
    RGBColor(63, 81, 120),
];
const OTHERS: [RGBColor; 2] = [RGBColor(198, 60, 40), RGBColor(130, 130, 130)];

/// Writes the plots side by side into an SVG file.
pub fn draw(path: &Path, plots: &[Plot]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, plot) in root.split_evenly((1, plots.len())).iter().zip(plots) {
        draw_one(area, plot)?;
    }
    root.present()?;
    Ok(())
}

fn draw_one<B>(area: &DrawingArea<B, plotters::coord::Shift>, plot: &Plot) -> Result<(), Box<dyn Error>>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let x_max = points().map(|(x, _)| *x).max().ok_or("nothing was measured")? as f64;
    let x_min = points().map(|(x, _)| *x).min().ok_or("nothing was measured")? as f64;
    let y_max = points().map(|(_, y)| y.as_secs_f64()).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(plot.title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((x_min..x_max * 1.2).log_scale(), (0.001..y_max * 30.0).log_scale())?;
    mesh(&mut chart, plot.x_label)?;
    let (mut ours, mut others) = (OURS.iter().cycle(), OTHERS.iter().cycle());
    for line in &plot.lines {
        let color = if line.is_ours { ours.next() } else { others.next() }.copied().unwrap_or(BLACK);
        let points: Vec<(f64, f64)> = line.points.iter().map(|(x, y)| (*x as f64, y.as_secs_f64())).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 13))
        .background_style(WHITE.mix(0.85))
        .draw()?;
    Ok(())
}

fn mesh<'a, B, X, Y>(
    chart: &mut ChartContext<'a, B, Cartesian2d<X, Y>>,
    x_label: &str,
) -> Result<(), Box<dyn Error>>
where
    B: DrawingBackend + 'a,
    B::ErrorType: 'static,
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc("run time, seconds")
        .x_label_formatter(&|x| count(*x))
        .y_label_formatter(&|y| format!("{y}"))
        .label_style(("sans-serif", 12))
        .axis_desc_style(("sans-serif", 14))
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .draw()?;
    Ok(())
}

/// 10 k, 1 M.
fn count(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{} M", number / 1e6),
        number if number >= 1e3 => format!("{} k", number / 1e3),
        number => format!("{number}"),
    }
}
