// Runs in the browser, inside a report: draws the charts from the data that the page carries.
import { drawReport } from './charts.js';

drawReport(JSON.parse(document.getElementById('data').textContent));
